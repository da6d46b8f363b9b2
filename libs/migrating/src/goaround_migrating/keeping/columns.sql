-- The columns of a table ($1, its OID), in order, and how each is best copied.
SELECT a.attnum AS number, a.attname::text AS name,
       -- Names types with their schemas: it is run with an empty search_path.
       format_type(a.atttypid, a.atttypmod) AS type,
       -- A column of a type of the database's own would hold that type back from being dropped.
       tn.nspname <> 'pg_catalog' OR t.typname ~ '^_?reg' AS as_text,
       a.attcollation <> 0 OR tn.nspname <> 'pg_catalog' OR t.typname ~ '^_?reg' AS has_letters,
       a.attgenerated <> '' AS generated,
       a.attidentity <> '' OR EXISTS (
           SELECT FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')
       ) AS numbered,
       coalesce(a.attnum = ANY (k.conkey), false) AS in_key
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'p'
 WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
