-- same_picture: which photos are probably one picture twice? Pairs of one person at a distance near 0; they inflate recall.
-- One row per pair, the nearest first: person, both photos, the distance (no unit).
--   facesql sql -f sql/examples/same_picture.sql --param distance=0.05
set variable distance = 0.1;

select person, id, other_id, round(compared.distance, 4) as distance
from face_pairs() as compared
where same_person and compared.distance <= getvariable('distance')
order by compared.distance, id, other_id
limit 5;
