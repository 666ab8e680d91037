-- summary: all single figures of a report; null where the data cannot tell.
-- One row: version of facesql; tables, faces, photos and people compared; faces left out as invalid (faces_skipped), by
-- --exclude (faces_excluded) and as nearly the same picture as others (duplicates_dropped); people given another name by --relabel; the metric, and its bins as binning has them; pairs; AUC, EER and its
-- cut-off, d', and the means and standard deviations of the distances; the confidence of intervals (_low, _high); the share of
-- genuine comparisons that was given; AUC and EER
-- where every person counts the same (_of_people); fta, the share of photos without a usable face; the recommended cut-off; of a
-- sample its seed, the impostor pairs compared, strata, and tile pairs drawn and drawn from (sample_), null where all pairs were.
--   select eer, eer_cutoff from summary;
create table if not exists summary (
    version varchar,
    tables bigint,
    faces bigint,
    faces_skipped bigint,
    faces_excluded bigint,
    people_relabelled bigint,
    duplicates_dropped bigint,
    photos bigint,
    people bigint,
    metric varchar,
    first_bin integer,
    last_bin integer,
    bin_width double,
    genuine_pairs bigint,
    impostor_pairs bigint,
    auc double,
    eer double,
    eer_cutoff double,
    d_prime double,
    genuine_mean double,
    genuine_sd double,
    impostor_mean double,
    impostor_sd double,
    confidence double,
    genuine_share double,
    fta double,
    auc_low double,
    auc_high double,
    auc_of_people double,
    auc_of_people_low double,
    auc_of_people_high double,
    eer_low double,
    eer_high double,
    eer_of_people double,
    eer_of_people_low double,
    eer_of_people_high double,
    recommended_cutoff double,
    sample_seed bigint,
    sample_pairs bigint,
    sample_strata bigint,
    sample_tile_pairs bigint,
    sample_of_tile_pairs bigint
);
comment on table summary is 'all single figures of a report; null where the data cannot tell';
