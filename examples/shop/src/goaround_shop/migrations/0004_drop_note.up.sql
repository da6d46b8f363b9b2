-- Takes a column away that the releases before still write.
ALTER TABLE orders DROP COLUMN note;
