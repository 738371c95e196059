-- A webhook call, once; a row comes back when it is new. Parameters: signature, sent_at, key_number.
-- Called by plugins.execution.hints.
INSERT INTO order_hints (signature, sent_at, key_number) VALUES (%(signature)s, %(sent_at)s, %(key_number)s)
ON CONFLICT (signature) DO NOTHING RETURNING signature
