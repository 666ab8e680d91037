-- The faces of table faces in the order of their people, for a comparison of people.
-- One row per face: id, person, photo (a number for each), line (what tells it from others in a list: its photo where that has no
-- other face here, or else the id) and encoding.
with placed as (
    select id, row_number() over () as place from faces
),
named as (
    select
        id,
        person,
        photo::varchar as photo,
        count(*) over (partition by photo) as faces_of_photo,
        encoding
    from (select id, person, photo, encoding from with_photo())
)
select
    id,
    person,
    case when photo is null then -1 - place else dense_rank() over (order by photo) end as photo,
    case when photo is null or faces_of_photo > 1 then id else photo end as line,
    encoding
from named
join placed using (id)
order by person, place;
