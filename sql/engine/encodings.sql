-- What the encodings of table faces are.
-- One row: kind (the type of an encoding), size (how many numbers one has, 0 where there is none), faces.
select
    typeof(any_value(encoding)) as kind,
    coalesce(max(len(encoding)), 0) as size,
    count(*) as faces
from faces;
