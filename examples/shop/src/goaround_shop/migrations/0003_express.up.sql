ALTER TABLE orders ADD COLUMN express boolean NOT NULL DEFAULT false;
CREATE INDEX orders_express ON orders (placed_at) WHERE express;
