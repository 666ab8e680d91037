-- What became of the photos that a list names, by tables of photos. Parameters: $names, and $files, patterns of their paths.
-- One row per status: status, photos.
with named as (
    select distinct unnest($names) as name
)
select status, count(*) as photos
from read_parquet($files, hive_partitioning = false)
where id in (select name from named)
group by status
order by photos desc, status;
