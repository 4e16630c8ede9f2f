-- Whoever chose their mails before rollouts could pause by themselves is told of that too; who wants none still gets none.
UPDATE "developers" SET "mail_events" = json_insert("mail_events", '$[#]', 'ROLLOUT_CHANGED')
WHERE "mail_events" IS NOT NULL AND json_array_length("mail_events") > 0
  AND NOT EXISTS (SELECT 1 FROM json_each("developers"."mail_events") WHERE value = 'ROLLOUT_CHANGED');
