-- The faces, with every column that they have, in the order of their people.
-- One row per face: all columns of table faces.
from faces order by person, id;
