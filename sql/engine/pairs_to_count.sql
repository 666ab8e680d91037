-- How many pairs the self-join counts: n (n - 1) / 2 of n faces, less those of one person's faces in one photo.
-- One row: pairs.
select (sum(faces) * (sum(faces) - 1) // 2 - sum(faces * (faces - 1) // 2 - genuine_pairs))::bigint as pairs
from people;
