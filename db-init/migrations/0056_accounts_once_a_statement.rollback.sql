DROP FUNCTION analyze_account_tables();
DROP TRIGGER accounts_deleted ON accounts;
DROP TRIGGER accounts_renamed ON accounts;
DROP FUNCTION keep_traded_account();
DROP FUNCTION refuse_unknown_accounts() CASCADE;
ALTER TABLE target_positions ADD FOREIGN KEY (account_id) REFERENCES accounts (id);
ALTER TABLE fills ADD FOREIGN KEY (account_id) REFERENCES accounts (id);
ALTER TABLE positions ADD FOREIGN KEY (account_id) REFERENCES accounts (id);
ALTER TABLE ledger_entries ADD FOREIGN KEY (account_id) REFERENCES accounts (id);
