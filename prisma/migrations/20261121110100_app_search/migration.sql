-- The full-text index over apps, kept by triggers and keyed to apps.row_id.
-- A later migration that rebuilds "apps" loses these triggers: it must make them again and end with
-- INSERT INTO app_fts(app_fts) VALUES ('rebuild').
CREATE VIRTUAL TABLE app_fts USING fts5(
    name, summary, description, tag_text,
    content = 'apps', content_rowid = 'row_id',
    tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);

CREATE TRIGGER apps_fts_insert AFTER INSERT ON apps BEGIN
    INSERT INTO app_fts(rowid, name, summary, description, tag_text)
    VALUES (new.row_id, new.name, new.summary, new.description, new.tag_text);
END;

CREATE TRIGGER apps_fts_delete AFTER DELETE ON apps BEGIN
    INSERT INTO app_fts(app_fts, rowid, name, summary, description, tag_text)
    VALUES ('delete', old.row_id, old.name, old.summary, old.description, old.tag_text);
END;

-- Only a change of what is indexed touches the index: publishing a version does not.
CREATE TRIGGER apps_fts_update AFTER UPDATE OF row_id, name, summary, description, tag_text ON apps BEGIN
    INSERT INTO app_fts(app_fts, rowid, name, summary, description, tag_text)
    VALUES ('delete', old.row_id, old.name, old.summary, old.description, old.tag_text);
    INSERT INTO app_fts(rowid, name, summary, description, tag_text)
    VALUES (new.row_id, new.name, new.summary, new.description, new.tag_text);
END;

INSERT INTO app_fts(app_fts) VALUES ('rebuild');
