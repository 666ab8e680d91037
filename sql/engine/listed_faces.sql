-- The faces of table faces that a list of pairs names, by their own id or by their photo's. Parameter: $names.
-- A table without column photo has it in its ids: a.jpg#2 is the second face of a.jpg.
-- One row per face, in the order of ids: id, photo, person, encoding.
with placed as (
    select id, coalesce(photo, regexp_replace(id, '#\d+$', '')) as photo, person, encoding
    from with_photo()
),
named as (
    select distinct unnest($names) as name
)
select id, photo, person, encoding
from placed
where id in (select name from named) or photo in (select name from named)
order by id;
