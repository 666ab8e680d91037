-- In which photo faces are, and where there. A photo that is not told is the id without the number of its face.
-- One row per face of the table that has one of the ids: id, photo, and top, "right", bottom and "left" of its box, in pixels (null
-- where the table has no box).
-- Parameters: $faces, patterns for the Parquet files; $partitioned, whether their folders tell columns; $ids.
with named as (
    from read_faces($faces, partitioned := $partitioned)
    union all by name
    select
        null::varchar as photo,
        null::struct(top integer, "right" integer, bottom integer, "left" integer) as box
    where false
)
select
    id,
    coalesce(photo::varchar, regexp_replace(id, '#[0-9]+$', '')) as photo,
    box.top,
    box."right",
    box.bottom,
    box."left"
from named
where id in (select unnest($ids));
