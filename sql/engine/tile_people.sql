-- Who is in the tiles of table tiled_face.
-- One row per tile and person in it, in this order: tile, block, person_number, faces (how many there), person_faces (in all).
select tile, block, person_number, count(*) as faces, any_value(person_faces)::bigint as person_faces
from tiled_face
group by tile, block, person_number
order by tile, person_number;
