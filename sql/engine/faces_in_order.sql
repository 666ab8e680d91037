-- What tells which of the compared faces repeat others. Two faces have one photo where with_photo() says so.
-- One row per face, in the order of the files and their rows: id, person, photo (a number for each) and encoding.
with placed as (
    select id, row_number() over () as place from faces
)
select
    id,
    person,
    case when photo is null then -1 - place else dense_rank() over (order by photo) end as photo,
    encoding
from (select id, person, photo, encoding from with_photo())
join placed using (id)
order by place;
