-- closest_strangers: which two photos of different people are most alike? Every pair is compared: seconds for ten thousand faces.
-- One row: the two people, their photos, and the distance.
with wide as (
    select id, person, encoding::double[] as encoding from faces
),
compared as (
    select
        a.person as person,
        b.person as other,
        a.id as photo,
        b.id as other_photo,
        face_distance(a.encoding, b.encoding) as distance
    from wide as a
    join wide as b on a.person < b.person
)
select
    arg_min(person, distance) as person,
    arg_min(other, distance) as other,
    arg_min(photo, distance) as photo,
    arg_min(other_photo, distance) as other_photo,
    round(min(distance), 3) as distance
from compared;
