"""How many clips the published protocols have."""

# NTU RGB+D without the recordings whose skeletons are missing or incomplete; Kinetics-Skeleton of
# ST-GCN. Store name, split name, clips.
PUBLISHED_SPLITS: dict[str, dict[str, int]] = {
    'ntu60': dict(xsub_train=40091, xsub_val=16487, xview_train=37646, xview_val=18932),
    'ntu120': dict(xsub_train=63026, xsub_val=50919, xset_train=54468, xset_val=59477),
    'kinetics': dict(train=240436, val=19796),
    'nwucla': dict(xview_train=1020, xview_val=464),
    'utd_mhad': dict(xsub_train=431, xsub_val=430),
}


def published_splits(name: str, layout: str | dict) -> dict[str, int]:
    """Numbers of clips that the literature gives for the splits of a data set.

    Args:
        name (str): Of the data set.
        layout (str | dict): Its skeleton.

    Returns:
        dict[str, int]: Clips by name of the split; empty if nothing is published.
    """
    # Poses that were found in the videos are there for the clips whose skeletons are missing, too.
    return {} if layout == 'coco' else PUBLISHED_SPLITS.get(name, {})
