-- left_out: which photos gave no row, and why? It asks the table of photos that encode writes beside that of faces; the database of a
-- report has no copy of it.
-- One row per status and reason: photos, people, and one of them.
--   facesql sql -f sql/examples/left_out.sql --param photos=faces.photos.parquet
set variable photos = 'faces.photos.parquet';

select status, reason, count(*) as photos, count(distinct person) as people, min(id) as such_as
from read_parquet(getvariable('photos'))
where status <> 'row'
group by status, reason
order by count(*) desc, status, reason;
