-- face_distance(a, b): the Euclidean distance of two encodings, in float64. No unit; distance <= cut-off is a match.
-- list_distance on FLOAT[] would compute in float32, hence the casts.
--   select face_distance(a.encoding, b.encoding) from faces a, faces b where a.id = 'Ann/1.jpg' and b.id = 'Bob/1.jpg';
create or replace macro face_distance(a, b) as list_distance(a::double[], b::double[]);
comment on macro face_distance is 'the Euclidean distance of two encodings, in float64';
