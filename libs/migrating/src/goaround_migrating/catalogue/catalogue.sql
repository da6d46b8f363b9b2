-- Every object of a database that a migration may make, one row each: what it is, its full name,
-- and what describes it. No OID, no count, no place on disk: nothing that differs between two
-- databases with the same schema. What belongs to an extension is told by the extension alone.
--
-- $1 the schemas to look at; NULL for all but the system's own
-- $2 tables to leave out, by their bare names
-- $3 whether to tell owners and privileges
-- $4 a schema of our own that is never told
WITH place AS MATERIALIZED (
    SELECT oid, nspname, nspowner, nspacl
      FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', $4)
       AND ($1::text[] IS NULL OR nspname = ANY ($1))
),
member AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend
     WHERE deptype = 'e'
        -- What a type brings by itself, such as the functions that make a range.
        OR (deptype = 'i' AND classid IN ('pg_proc'::regclass, 'pg_type'::regclass))
),
relation AS MATERIALIZED (
    SELECT c.*, p.nspname, format('%I.%I', p.nspname, c.relname) AS name
      FROM pg_class c
      JOIN place p ON p.oid = c.relnamespace
     WHERE c.relname <> ALL ($2::text[])
       AND NOT EXISTS (
           SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
),
note AS MATERIALIZED (
    SELECT objoid, classoid, objsubid, description FROM pg_description
),
rights AS MATERIALIZED (
    SELECT c.oid, pg_get_userbyid(c.relowner) AS owner,
           (SELECT array_agg(a::text ORDER BY a::text COLLATE "C")
              FROM unnest(coalesce(c.relacl,
                   acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)))
                   AS a) AS acl
      FROM relation c
     WHERE $3::boolean AND c.relkind <> 'i'
),
told AS (
SELECT 'schema' AS kind, format('%I', p.nspname) AS name, jsonb_build_object(
           'comment', d.description,
           'owner', CASE WHEN $3 THEN pg_get_userbyid(p.nspowner) END,
           'privileges', CASE WHEN $3 THEN
               (SELECT array_agg(a::text ORDER BY a::text COLLATE "C")
                  FROM unnest(coalesce(p.nspacl, acldefault('n', p.nspowner))) AS a) END
       ) AS properties
  FROM place p
  LEFT JOIN note d ON d.objoid = p.oid AND d.classoid = 'pg_namespace'::regclass
 -- The comment of `public` comes with the server's version.
 WHERE p.nspname <> 'public'

UNION ALL
SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END, c.name,
       jsonb_build_object(
           'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
                        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
           'unlogged', nullif(c.relpersistence = 'u', false),
           'partition by', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
           'bounds', pg_get_expr(c.relpartbound, c.oid),
           'parents', (SELECT jsonb_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
                         FROM pg_inherits i WHERE i.inhrelid = c.oid),
           'options', (SELECT jsonb_agg(o ORDER BY o COLLATE "C") FROM unnest(c.reloptions) o),
           'row level security', nullif(c.relrowsecurity, false),
           'row level security for the owner', nullif(c.relforcerowsecurity, false),
           'replica identity', nullif(c.relreplident, 'd'),
           'access method', (SELECT nullif(m.amname, 'heap') FROM pg_am m WHERE m.oid = c.relam),
           'of type', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
           'server', (SELECT s.srvname FROM pg_foreign_table f
                        JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid),
           'server options', (SELECT to_jsonb(f.ftoptions) FROM pg_foreign_table f
                               WHERE f.ftrelid = c.oid),
           'comment', d.description, 'owner', r.owner, 'privileges', r.acl)
  FROM relation c
  LEFT JOIN note d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  LEFT JOIN rights r ON r.oid = c.oid
 WHERE c.relkind IN ('r', 'p', 'f')

UNION ALL
SELECT 'column', format('%s.%I', c.name, a.attname), jsonb_build_object(
           'type', format_type(a.atttypid, a.atttypmod),
           'not null', nullif(a.attnotnull, false),
           'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(f.adbin, f.adrelid) END,
           'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(f.adbin, f.adrelid) END,
           'stored', CASE WHEN a.attgenerated <> '' THEN a.attgenerated = 's' END,
           'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
           'collation', CASE WHEN a.attcollation <> t.typcollation THEN
               a.attcollation::regcollation::text END,
           'storage', CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END,
           'compression', nullif(a.attcompression, ''),
           'statistics', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
           'options', to_jsonb(a.attoptions),
           'foreign options', to_jsonb(a.attfdwoptions),
           'comment', d.description,
           'privileges', CASE WHEN $3 THEN
               (SELECT array_agg(x::text ORDER BY x::text COLLATE "C")
                  FROM unnest(a.attacl) AS x) END)
  FROM relation c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  LEFT JOIN note d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass
                  AND d.objsubid = a.attnum
 WHERE c.relkind IN ('r', 'p', 'f')

UNION ALL
-- NOT NULL is told by its column; what a partition has from its parent, by the parent.
SELECT 'constraint', format('%s.%I', c.name, k.conname), jsonb_build_object(
           'definition', pg_get_constraintdef(k.oid),
           'comment', d.description)
  FROM pg_constraint k
  JOIN relation c ON c.oid = k.conrelid
  LEFT JOIN note d ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass
 WHERE k.contype <> 't' AND k.conparentid = 0
   AND NOT (k.contype = 'n' AND k.convalidated AND NOT k.connoinherit)

UNION ALL
SELECT 'index', x.name, jsonb_build_object(
           'table', c.name,
           'unique', nullif(i.indisunique, false),
           'definition', pg_get_indexdef(i.indexrelid),
           'invalid', nullif(NOT i.indisvalid, false),
           'clustered', nullif(i.indisclustered, false),
           'replica identity', nullif(i.indisreplident, false),
           'comment', d.description)
  FROM pg_index i
  JOIN relation c ON c.oid = i.indrelid
  JOIN relation x ON x.oid = i.indexrelid
  LEFT JOIN note d ON d.objoid = x.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
 -- A constraint's index is told by the constraint.
 WHERE NOT EXISTS (SELECT FROM pg_constraint k
                    WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))

UNION ALL
SELECT 'sequence', c.name, jsonb_build_object(
           'type', format_type(s.seqtypid, NULL),
           'start', s.seqstart, 'increment', s.seqincrement,
           'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache,
           'cycle', nullif(s.seqcycle, false),
           'owned by', (SELECT format('%s.%I', o.refobjid::regclass, a.attname)
                          FROM pg_depend o
                          JOIN pg_attribute a ON a.attrelid = o.refobjid
                                             AND a.attnum = o.refobjsubid
                         WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
                           AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')),
           'unlogged', nullif(c.relpersistence = 'u', false),
           'comment', d.description, 'owner', r.owner, 'privileges', r.acl)
  FROM pg_sequence s
  JOIN relation c ON c.oid = s.seqrelid
  LEFT JOIN note d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  LEFT JOIN rights r ON r.oid = c.oid
 -- What numbers the rows of a table that is left out goes with it.
 WHERE NOT EXISTS (
    SELECT FROM pg_depend o JOIN pg_class t ON t.oid = o.refobjid
     WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
       AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')
       AND t.relname = ANY ($2::text[]))

UNION ALL
SELECT CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, c.name,
       jsonb_build_object(
           'definition', pg_get_viewdef(c.oid),
           'options', (SELECT jsonb_agg(o ORDER BY o COLLATE "C") FROM unnest(c.reloptions) o),
           'comment', d.description, 'owner', r.owner, 'privileges', r.acl)
  FROM relation c
  LEFT JOIN note d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  LEFT JOIN rights r ON r.oid = c.oid
 WHERE c.relkind IN ('v', 'm')

UNION ALL
SELECT CASE f.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       format('%I.%I(%s)', p.nspname, f.proname, pg_get_function_identity_arguments(f.oid)),
       jsonb_build_object(
           'definition', CASE WHEN f.prokind <> 'a' THEN pg_get_functiondef(f.oid) END,
           'aggregate', (SELECT to_jsonb(g) - 'aggfnoid' || jsonb_build_object(
                             'aggtranstype', format_type(g.aggtranstype, NULL),
                             'aggmtranstype', format_type(nullif(g.aggmtranstype, 0), NULL),
                             'aggsortop', nullif(g.aggsortop, 0)::regoperator::text,
                             'result', pg_get_function_result(f.oid))
                           FROM pg_aggregate g WHERE g.aggfnoid = f.oid),
           'comment', d.description,
           'owner', CASE WHEN $3 THEN pg_get_userbyid(f.proowner) END,
           'privileges', CASE WHEN $3 THEN
               (SELECT array_agg(a::text ORDER BY a::text COLLATE "C")
                  FROM unnest(coalesce(f.proacl, acldefault('f', f.proowner))) AS a) END)
  FROM pg_proc f
  JOIN place p ON p.oid = f.pronamespace
  LEFT JOIN note d ON d.objoid = f.oid AND d.classoid = 'pg_proc'::regclass
 WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = f.oid)

UNION ALL
SELECT 'trigger', format('%s.%I', c.name, t.tgname), jsonb_build_object(
           'definition', pg_get_triggerdef(t.oid),
           'fires', CASE t.tgenabled WHEN 'D' THEN 'never' WHEN 'R' THEN 'on replicas'
                                     WHEN 'A' THEN 'always' END,
           'comment', d.description)
  FROM pg_trigger t
  JOIN relation c ON c.oid = t.tgrelid
  LEFT JOIN note d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
 WHERE NOT t.tgisinternal AND t.tgparentid = 0

UNION ALL
SELECT 'rule', format('%s.%I', c.name, r.rulename), jsonb_build_object(
           'definition', pg_get_ruledef(r.oid),
           'fires', CASE r.ev_enabled WHEN 'D' THEN 'never' WHEN 'R' THEN 'on replicas'
                                      WHEN 'A' THEN 'always' END,
           'comment', d.description)
  FROM pg_rewrite r
  JOIN relation c ON c.oid = r.ev_class
  LEFT JOIN note d ON d.objoid = r.oid AND d.classoid = 'pg_rewrite'::regclass
 WHERE r.rulename <> '_RETURN'

UNION ALL
SELECT 'policy', format('%s.%I', c.name, y.polname), jsonb_build_object(
           'command', CASE y.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert'
               WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END,
           'restrictive', nullif(NOT y.polpermissive, false),
           'roles', (SELECT jsonb_agg(r ORDER BY r COLLATE "C") FROM (
                        SELECT CASE o WHEN 0 THEN 'public' ELSE pg_get_userbyid(o)::text END
                          FROM unnest(y.polroles) AS o) AS roles (r)),
           'using', pg_get_expr(y.polqual, y.polrelid),
           'with check', pg_get_expr(y.polwithcheck, y.polrelid),
           'comment', d.description)
  FROM pg_policy y
  JOIN relation c ON c.oid = y.polrelid
  LEFT JOIN note d ON d.objoid = y.oid AND d.classoid = 'pg_policy'::regclass

UNION ALL
-- Types of their own: not those of tables, of arrays, or the multirange that each range brings.
SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END,
       format('%I.%I', p.nspname, t.typname), jsonb_build_object(
           'values', (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e
                       WHERE e.enumtypid = t.oid),
           'attributes', (SELECT jsonb_agg(format('%I %s', a.attname,
                                                  format_type(a.atttypid, a.atttypmod))
                                           ORDER BY a.attnum)
                            FROM pg_attribute a
                           WHERE a.attrelid = t.typrelid AND a.attnum > 0
                             AND NOT a.attisdropped),
           'range of', (SELECT format_type(g.rngsubtype, NULL) FROM pg_range g
                         WHERE g.rngtypid = t.oid),
           'base', CASE WHEN t.typtype = 'b' THEN
               concat_ws(' ', t.typinput::text, t.typoutput::text, t.typlen, t.typalign) END,
           'type', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
           'not null', nullif(t.typnotnull, false),
           'default', t.typdefault,
           'collation', CASE WHEN t.typtype = 'd' AND t.typcollation NOT IN (0, 100) THEN
               t.typcollation::regcollation::text END,
           'constraints', (SELECT jsonb_object_agg(k.conname, pg_get_constraintdef(k.oid))
                             FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype <> 'n'),
           'comment', d.description,
           'owner', CASE WHEN $3 THEN pg_get_userbyid(t.typowner) END,
           'privileges', CASE WHEN $3 THEN
               (SELECT array_agg(a::text ORDER BY a::text COLLATE "C")
                  FROM unnest(coalesce(t.typacl, acldefault('T', t.typowner))) AS a) END)
  FROM pg_type t
  JOIN place p ON p.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  LEFT JOIN note d ON d.objoid = t.oid AND d.classoid = 'pg_type'::regclass
 WHERE (t.typtype IN ('e', 'r', 'd') OR (t.typtype = 'c' AND c.relkind = 'c')
        OR (t.typtype = 'b' AND t.typelem = 0))
   AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)

UNION ALL
SELECT 'extension', format('%I', e.extname), jsonb_build_object(
           'version', e.extversion, 'schema', n.nspname)
  FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE $1 IS NULL OR n.nspname = ANY ($1)

UNION ALL
SELECT 'statistics', format('%I.%I', p.nspname, s.stxname), jsonb_build_object(
           'definition', pg_get_statisticsobjdef(s.oid),
           'comment', d.description)
  FROM pg_statistic_ext s
  JOIN place p ON p.oid = s.stxnamespace
  LEFT JOIN note d ON d.objoid = s.oid AND d.classoid = 'pg_statistic_ext'::regclass

UNION ALL
SELECT 'collation', format('%I.%I', p.nspname, l.collname), jsonb_build_object(
           'provider', l.collprovider, 'collate', l.collcollate, 'ctype', l.collctype,
           'not deterministic', nullif(NOT l.collisdeterministic, false),
           'comment', d.description)
  FROM pg_collation l
  JOIN place p ON p.oid = l.collnamespace
  LEFT JOIN note d ON d.objoid = l.oid AND d.classoid = 'pg_collation'::regclass
 WHERE NOT EXISTS (
    SELECT FROM member m WHERE m.classid = 'pg_collation'::regclass AND m.objid = l.oid)

UNION ALL
SELECT 'event trigger', format('%I', v.evtname), jsonb_build_object(
           'event', v.evtevent, 'function', v.evtfoid::regprocedure::text,
           'tags', to_jsonb(v.evttags), 'fires', nullif(v.evtenabled, 'O'))
  FROM pg_event_trigger v
 WHERE $1 IS NULL AND NOT EXISTS (
    SELECT FROM member m WHERE m.classid = 'pg_event_trigger'::regclass AND m.objid = v.oid)
)
-- As text: a caller's connection may read JSON in its own way.
SELECT kind, name, properties::text FROM told
