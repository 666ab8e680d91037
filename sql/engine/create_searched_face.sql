-- Table searched_face: the faces of table faces in the order of their people, cut into tiles, so that a tile is read alone.
-- One row per face: tile, place (among all), face_number (0, 1, ... in the order of the ids), person_number, photo_number (see
-- tiled_faces()), encoding.
-- Parameter: $tile_faces, how many faces a tile has at most.
create or replace temp table searched_face as
select tile, place, face_number, person_number, photo_number, encoding
from tiled_faces(64, $tile_faces) as tiled  -- all blocks are one group
join (select id, row_number() over (order by id) - 1 as face_number, encoding from faces) using (id)
order by tile, place;
