-- The rule of 0008 holds of all rows; the server reads them to know it, and nobody waits.

ALTER TABLE orders.ordinary_orders VALIDATE CONSTRAINT ordinary_orders_refusal_check;
