-- Which tables, columns and sequences hold what would be lost, one row each for each loss (n,
-- counted from 1). What holds nothing has a row without an oid; a loss without a row is not there.
--
-- $1 nouns, $2 names (with a schema, or without: then in any), $3 how far it goes: itself,
-- dependents, referrers, all referrers. The three are of one length.
WITH RECURSIVE loss AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY
               AS l (noun, name, reach, n)
),
place AS MATERIALIZED (
    SELECT oid, nspname FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'goaround_kept')
),
relation AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relkind, p.nspname FROM pg_class c
      JOIN place p ON p.oid = c.relnamespace
),
started AS (
    SELECT 'pg_class'::regclass::oid AS class, r.oid, 0 AS part, l.reach, l.n
      FROM loss l JOIN relation r ON l.name IN (r.relname, r.nspname || '.' || r.relname)
     WHERE (l.noun IN ('table', 'foreign table') AND r.relkind IN ('r', 'p', 'f'))
        OR (l.noun = 'sequence' AND r.relkind = 'S')
        OR (l.noun = 'view' AND r.relkind = 'v') OR (l.noun = 'materialized view' AND r.relkind = 'm')
    UNION
    SELECT 'pg_class'::regclass, r.oid, a.attnum, l.reach, l.n
      FROM loss l
      JOIN relation r ON r.relkind IN ('r', 'p')
      JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
       AND l.name IN (r.relname || '.' || a.attname,
                      r.nspname || '.' || r.relname || '.' || a.attname)
     WHERE l.noun = 'column'
    UNION
    SELECT 'pg_class'::regclass, d.objid, 0, l.reach, l.n
      FROM loss l
      JOIN relation r ON r.relkind IN ('r', 'p')
      JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
       AND l.name IN (r.relname || '.' || a.attname,
                      r.nspname || '.' || r.relname || '.' || a.attname)
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid
       AND d.refobjsubid = a.attnum AND d.classid = 'pg_class'::regclass
       AND d.deptype IN ('a', 'i')
     WHERE l.noun = 'numbering'
    UNION
    SELECT 'pg_type'::regclass, t.oid, 0, l.reach, l.n
      FROM loss l JOIN pg_type t ON true JOIN place p ON p.oid = t.typnamespace
     WHERE l.noun IN ('type', 'domain') AND l.name IN (t.typname, p.nspname || '.' || t.typname)
    UNION
    SELECT 'pg_collation'::regclass, k.oid, 0, l.reach, l.n
      FROM loss l JOIN pg_collation k ON true JOIN place p ON p.oid = k.collnamespace
     WHERE l.noun = 'collation' AND l.name IN (k.collname, p.nspname || '.' || k.collname)
    UNION
    SELECT 'pg_namespace'::regclass, p.oid, 0, l.reach, l.n
      FROM loss l JOIN place p ON p.nspname = l.name WHERE l.noun = 'schema'
    UNION
    SELECT 'pg_extension'::regclass, e.oid, 0, l.reach, l.n
      FROM loss l JOIN pg_extension e ON e.extname = l.name WHERE l.noun = 'extension'
),
gone AS (
    SELECT class, oid, part, reach, n FROM started
    UNION
    SELECT near.class, near.oid, near.part, g.reach, g.n
      FROM gone g
      CROSS JOIN LATERAL (
          SELECT d.classid AS class, d.objid AS oid, d.objsubid AS part FROM pg_depend d
           WHERE g.reach = 'dependents' AND d.refclassid = g.class AND d.refobjid = g.oid
             AND (g.part = 0 OR d.refobjsubid = g.part)
          UNION ALL
          SELECT 'pg_class'::regclass, k.conrelid, 0 FROM pg_constraint k
           WHERE g.reach IN ('referrers', 'all referrers') AND g.class = 'pg_class'::regclass
             AND k.contype = 'f' AND k.confrelid = g.oid
             AND (g.reach = 'all referrers' OR k.confdeltype IN ('c', 'n', 'd')
                  OR k.confupdtype IN ('c', 'n', 'd'))
      ) AS near
)
SELECT DISTINCT g.n, r.oid, g.part, r.nspname::text AS schema, r.relname::text AS name,
       r.relkind = 'S' AS is_sequence,
       r.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = r.oid)
           AS has_children,
       ARRAY(SELECT i.inhparent FROM pg_inherits i
              JOIN pg_class u ON u.oid = i.inhparent AND u.relkind = 'p'
             WHERE i.inhrelid = r.oid) AS whole
  FROM gone g
  LEFT JOIN relation r ON r.oid = g.oid AND g.class = 'pg_class'::regclass
   -- A sequence that goes with its table is numbered anew from the rows that come back.
   AND (r.relkind IN ('r', 'p') OR (r.relkind = 'S' AND g.reach = 'itself'))
 ORDER BY schema, name, part
