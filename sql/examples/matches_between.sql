-- matches_between: which photos of two people would be taken for one person at a cut-off?
-- One row per pair of photos that matches, the nearest first: their ids and distance (distance <= cut-off).
set variable person = 'person_1401';
set variable other = 'person_1525';
set variable cutoff = 0.4;

with compared as (
    select a.id as photo, b.id as other_photo, face_distance(a.encoding, b.encoding) as distance
    from faces as a
    cross join faces as b
    where a.person = getvariable('person') and b.person = getvariable('other')
)
select photo, other_photo, round(distance, 3) as distance
from compared
where compared.distance <= getvariable('cutoff')
order by compared.distance, photo, other_photo
limit 5;
