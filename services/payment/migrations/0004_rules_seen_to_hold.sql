-- The rules of 0001 hold of all rows; the server reads them to know it, and nobody waits.

ALTER TABLE sandbox.charges
    VALIDATE CONSTRAINT charges_state_check,
    VALIDATE CONSTRAINT charges_pending_settles;
