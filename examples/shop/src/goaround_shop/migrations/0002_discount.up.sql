ALTER TABLE orders ADD COLUMN discount_cents integer NOT NULL DEFAULT 0;
