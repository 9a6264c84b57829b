-- The rules of 0003 and 0005 hold of all rows; the server reads them to know it, and nobody waits.

ALTER TABLE product.reservation_lines
    VALIDATE CONSTRAINT reservation_lines_price,
    VALIDATE CONSTRAINT reservation_lines_terms;

ALTER TABLE product.stock_ledger
    VALIDATE CONSTRAINT stock_ledger_kinds,
    VALIDATE CONSTRAINT stock_ledger_quantities;
