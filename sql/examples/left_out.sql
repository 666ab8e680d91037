-- left_out: which photos gave no row, and why? It asks photos: of a report a table, and of a table of faces the table of photos that
-- encode writes beside it.
-- One row per status and reason: photos, people, and one of them.
--   facesql sql -f sql/examples/left_out.sql
select status, reason, count(*) as photos, count(distinct person) as people, min(id) as such_as
from photos
where status <> 'row'
group by status, reason
order by count(*) desc, status, reason;
