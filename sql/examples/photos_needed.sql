-- photos_needed: how many photos of a person have to be kept for a new one to be recognized? Photos are dealt by a hash of their id: the
-- first are kept, the last is the new one. People with few photos are left out, so all rows are of the same people.
-- One row per number of photos kept: people, and how many of them have a kept photo that matches the new one (distance <= cut-off).
--   facesql sql -f sql/examples/photos_needed.sql --param cutoff=0.6
set variable cutoff = 0.5;
set variable most_kept = 5;

with dealt as (
    select
        person,
        encoding::double[] as encoding,
        row_number() over (partition by person order by md5(id), id) as place,
        count(*) over (partition by person) as faces
    from faces
),
enough as (
    from dealt where faces > getvariable('most_kept')
),
compared as (
    select kept.person, kept.place, face_distance(kept.encoding, new.encoding) as distance
    from enough as kept
    join enough as new on kept.person = new.person
    where new.place = new.faces and kept.place <= getvariable('most_kept')
),
nearest as (
    select person, place as kept, min(distance) over (partition by person order by place) as distance
    from compared
)
select
    kept,
    count(*) as people,
    count(*) filter (distance <= getvariable('cutoff')) as recognized,
    round(recognized / people, 4) as share
from nearest
group by kept
order by kept;
