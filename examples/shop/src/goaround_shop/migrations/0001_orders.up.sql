CREATE TABLE orders (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item        text        NOT NULL,
    quantity    integer     NOT NULL CHECK (quantity > 0),
    unit_cents  integer     NOT NULL CHECK (unit_cents >= 0),
    note        text        NOT NULL,
    placed_at   timestamptz NOT NULL DEFAULT now()
);

-- The shop opened with an order: the table is never empty, on any machine.
INSERT INTO orders (item, quantity, unit_cents, note) VALUES ('opening', 1, 100, 'first customer');
