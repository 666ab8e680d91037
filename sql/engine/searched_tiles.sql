-- How table searched_face cuts the faces. No number of a person between the first and the last is left out.
-- One row per tile: tile, faces (how many), first_person and last_person (their numbers).
select tile, count(*) as faces, min(person_number) as first_person, max(person_number) as last_person
from searched_face
group by tile
order by tile;
