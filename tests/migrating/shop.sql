-- A schema with an object of each kind that a fingerprint tells.
CREATE SCHEMA audit;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE span AS RANGE (subtype = time);
CREATE DOMAIN zip AS text CONSTRAINT five CHECK (VALUE ~ '^[0-9]{5}$');
CREATE COLLATION plain (provider = libc, locale = 'C');
CREATE SEQUENCE numbers START 100;
CREATE TABLE buyers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    buyer bigint NOT NULL CONSTRAINT known REFERENCES buyers,
    note varchar(10) DEFAULT 'none',
    code text COLLATE "C" UNIQUE,
    total numeric(10, 2) CONSTRAINT positive CHECK (total > 0),
    gross numeric GENERATED ALWAYS AS (total * 1.2) STORED,
    feeling mood,
    at timestamptz DEFAULT '2020-01-01 00:00:00+00'
);
CREATE INDEX orders_at ON orders (at DESC) WHERE note IS NOT NULL;
CREATE UNIQUE INDEX orders_note ON orders (lower(note));
CREATE STATISTICS buyer_code (dependencies) ON buyer, code FROM orders;
CREATE TABLE measured (at date NOT NULL, value real) PARTITION BY RANGE (at);
CREATE TABLE measured_26 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW open_orders AS SELECT id, note FROM orders WHERE feeling = 'ok';
CREATE MATERIALIZED VIEW sums AS SELECT buyer, sum(total) AS total FROM orders GROUP BY buyer;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE FUNCTION doubled(a integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN a * 2;
CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM orders WHERE total < 0';
CREATE AGGREGATE doubled_sum (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE TRIGGER stamp BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE RULE keep AS ON DELETE TO buyers DO INSTEAD NOTHING;
CREATE POLICY own ON orders USING (buyer = 1);
CREATE TABLE audit.seen (id integer);
COMMENT ON TABLE orders IS 'what was bought';
COMMENT ON COLUMN orders.note IS 'free text';
