-- What the extension brings, seen through the catalog.

SELECT count(*) > 10 AS has_members
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'cerebro' AND d.deptype = 'e';

-- every object is described
SELECT pg_describe_object(d.classid, d.objid, 0) AS undescribed
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND d.objid = t.oid
WHERE e.extname = 'cerebro' AND d.deptype = 'e'
  AND obj_description(d.objid, d.classid::regclass::text) IS NULL
  AND (t.oid IS NULL OR t.typrelid = 0 AND t.typcategory <> 'A')  -- types of tables' rows, arrays
  AND c.relkind IS DISTINCT FROM 'S' AND d.classid <> 'pg_default_acl'::regclass
ORDER BY 1;

-- and so is every column of a table or view
SELECT c.relname, a.attname
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'cerebro' AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT a.attisdropped
  AND col_description(c.oid, a.attnum) IS NULL
ORDER BY 1, 2;

-- and policies, and indexes that are no constraint's
SELECT p.polname, p.polrelid::regclass FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = 'cerebro'::regnamespace AND obj_description(p.oid, 'pg_policy') IS NULL
ORDER BY 2;
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'cerebro'::regnamespace AND c.relkind = 'i' AND obj_description(c.oid, 'pg_class') IS NULL
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)
ORDER BY 1;

-- every table has row-level security, nobody but its owner may write to it,
-- and a dump holds its rows, but for those that are not logged
SELECT c.relname, c.relrowsecurity AS has_policies,
       has_table_privilege('public', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS public_writes,
       c.oid = ANY (e.extconfig) AS is_dumped
FROM pg_class c
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'cerebro' AND c.relkind = 'r'
  AND (NOT c.relrowsecurity OR has_table_privilege('public', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
       OR (c.oid = ANY (e.extconfig)) = (c.relpersistence = 'u'))
ORDER BY 1;

-- and so do the sequences
SELECT c.relname
FROM pg_class c
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'cerebro' AND c.relkind = 'S' AND NOT c.oid = ANY (e.extconfig)
ORDER BY 1;

-- functions that run as the owner fix their search_path
SELECT p.oid::regprocedure
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
WHERE p.prosecdef AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%')
ORDER BY 1;

-- views show rows with the rights of who looks
SELECT c.relname
FROM pg_class c
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'cerebro' AND c.relkind = 'v'
  AND NOT 'security_invoker=true' = ANY (coalesce(c.reloptions, '{}'))
ORDER BY 1;

-- it goes without a trace, and comes again
DROP EXTENSION cerebro;
SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('cerebro');
CREATE EXTENSION cerebro;
SELECT extname FROM pg_extension WHERE extname = 'cerebro';
