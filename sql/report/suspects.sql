-- suspects: photos that are probably mislabelled, there twice or of the wrong face, those first that do most harm. Empty where
-- there are none, and where analyze did not look for them: with --no-faces or a memory limit, of many faces, or by inner products;
-- facesql suspects finds these and writes corrections.
-- One row per suspect: rank (1 first), what it is (kind), the photo and whose it is; the photo beside which to look at it, and of a
-- wrong face the number and box (pixels) of the one that fits better; median distances to its own person and to the other; how
-- probable it is that it is an error, how many wrong decisions are gone when it is corrected, and the product of the two (expected);
-- and the correction, with the lines that make it.
--   select rank, kind, id, evidence from suspects order by rank;
create table if not exists suspects (
    rank bigint,
    kind varchar,
    id varchar,
    person varchar,
    id_other varchar,
    person_other varchar,
    face_other bigint,
    other_top bigint,
    other_right bigint,
    other_bottom bigint,
    other_left bigint,
    distance_own double,
    distance_other double,
    probability double,
    errors bigint,
    expected double,
    correction varchar,
    change varchar,
    evidence varchar
);
comment on table suspects is 'photos that are probably mislabelled, there twice or of the wrong face, those first that do most harm';
comment on column suspects.errors is 'how many fewer pairs are decided wrongly, at the cut-off that table pairs has, when it is corrected';
comment on column suspects.expected is 'errors times probability: what to expect of looking at it';
comment on column suspects.correction is 'exclude, relabel, or choose face';
comment on column suspects.change is 'lines of the file for --exclude, or of that for --relabel';
