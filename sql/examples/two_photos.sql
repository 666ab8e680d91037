-- two_photos: how far are two photos apart?
-- One row: both photos and people, the distance (no unit), its bin, and whether they match at the cut-off (distance <= cut-off).
--   facesql sql -f sql/examples/two_photos.sql --param photo=Ann/1.jpg --param other_photo=Bob/1.jpg
set variable photo = 'person_1401/1';
set variable other_photo = 'person_1525/23';
set variable cutoff = 0.6;

with compared as (
    select a.id as photo, a.person, b.id as other_photo, b.person as other, face_distance(a.encoding, b.encoding) as distance
    from faces as a
    cross join faces as b
    where a.id = getvariable('photo') and b.id = getvariable('other_photo')
)
select
    photo,
    person,
    other_photo,
    other,
    distance,
    distance_bin(distance) as bin,
    distance <= getvariable('cutoff') as matches
from compared;
