-- What the store lists and filters by, kept by triggers: a row for each published app and each thing it can be filtered by.
-- A facet is '' (every listed app), 'c:' and the category, 't:' and a tag, or 'p:' and a permission of the newest version.
-- A later migration that rebuilds "apps" loses these triggers and apps_store_name_idx: it must make them again, and fill
-- store_facets anew.
CREATE TABLE store_facets (
    facet TEXT NOT NULL,
    last_published_at DATETIME NOT NULL,
    row_id INTEGER NOT NULL,
    PRIMARY KEY (facet, last_published_at, row_id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX store_facets_row_id_facet_idx ON store_facets (row_id, facet);

-- By name, as people read it: the case of ASCII letters does not count.
CREATE INDEX apps_store_name_idx ON apps (name COLLATE NOCASE, row_id)
WHERE status = 'PUBLISHED' AND latest_version_id IS NOT NULL;

CREATE VIEW store_facets_of_apps AS
SELECT a.row_id, a.last_published_at, '' AS facet FROM apps a
WHERE a.status = 'PUBLISHED' AND a.latest_version_id IS NOT NULL AND a.last_published_at IS NOT NULL
UNION
SELECT a.row_id, a.last_published_at, 'c:' || a.category FROM apps a
WHERE a.status = 'PUBLISHED' AND a.latest_version_id IS NOT NULL AND a.last_published_at IS NOT NULL AND a.category IS NOT NULL
UNION
SELECT a.row_id, a.last_published_at, 't:' || tag.value FROM apps a, json_each(a.tags) tag
WHERE a.status = 'PUBLISHED' AND a.latest_version_id IS NOT NULL AND a.last_published_at IS NOT NULL
UNION
SELECT a.row_id, a.last_published_at, 'p:' || permission.value
FROM apps a JOIN app_versions v ON v.id = a.latest_version_id, json_each(v.permissions) permission
WHERE a.status = 'PUBLISHED' AND a.latest_version_id IS NOT NULL AND a.last_published_at IS NOT NULL;

CREATE TRIGGER apps_facets_insert AFTER INSERT ON apps WHEN new.status = 'PUBLISHED' BEGIN
    INSERT INTO store_facets (facet, last_published_at, row_id)
    SELECT facet, last_published_at, row_id FROM store_facets_of_apps WHERE row_id = new.row_id;
END;

CREATE TRIGGER apps_facets_delete AFTER DELETE ON apps BEGIN
    DELETE FROM store_facets WHERE row_id = old.row_id;
END;

-- Every submission writes its app's row; only what the store shows touches the facets.
CREATE TRIGGER apps_facets_update AFTER UPDATE OF row_id, status, category, tags, latest_version_id, last_published_at ON apps
WHEN new.row_id IS NOT old.row_id OR new.status IS NOT old.status OR new.category IS NOT old.category
    OR new.tags IS NOT old.tags OR new.latest_version_id IS NOT old.latest_version_id
    OR new.last_published_at IS NOT old.last_published_at
BEGIN
    DELETE FROM store_facets WHERE row_id = old.row_id;
    INSERT INTO store_facets (facet, last_published_at, row_id)
    SELECT facet, last_published_at, row_id FROM store_facets_of_apps WHERE row_id = new.row_id;
END;

INSERT INTO store_facets (facet, last_published_at, row_id)
SELECT facet, last_published_at, row_id FROM store_facets_of_apps;
