-- face_distance(a, b): the negative inner product of two encodings, in float64. No unit; distance <= cut-off is a match.
-- It is no distance as geometry has them, but less is nearer here, too.
--   select face_distance(a.encoding, b.encoding) from faces a, faces b where a.id = 'Ann/1.jpg' and b.id = 'Bob/1.jpg';
create or replace macro face_distance(a, b) as -list_inner_product(a::double[], b::double[]);
comment on macro face_distance is 'the negative inner product of two encodings, in float64';
