-- As it was declared in 0001, and so it cannot run: the rows that exist have no note to give.
ALTER TABLE orders ADD COLUMN note text NOT NULL;
