DROP INDEX orders_express;
ALTER TABLE orders DROP COLUMN express;
