-- The faces of photos that are in table faces by another face, from a table of photos.
-- One row per face in faces and other face of its photo that is not there itself: id (of the face in faces), photo, face (the
-- other's number), its box in pixels (top, right, bottom, left) and its encoding, as long as those in faces.
-- Parameters: $photos, a pattern for that table; $faces_file, whose faces it is of.
with photos as (
    select id as photo, unnest(faces) as found, generate_subscripts(faces, 1) as face
    from read_parquet($photos, hive_partitioning = false)
    where len(faces) > 1
),
chosen as (
    select id, photo, face, len(encoding) as numbers from faces where faces_file = $faces_file
),
others as (
    from photos anti join chosen on photos.photo = chosen.photo and photos.face = chosen.face
)
select
    chosen.id,
    others.photo,
    others.face::integer as face,
    found.box.top as top,
    found.box."right" as "right",
    found.box.bottom as bottom,
    found.box."left" as "left",
    found.encoding as encoding
from chosen
join others on others.photo = chosen.photo and len(others.found.encoding) = chosen.numbers
order by chosen.id, others.face;
