import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.utils.choices import check_choice

MODES = ('zero', 'duplicate')


@TRANSFORMS.register_module()
class PadPersons(BaseTransform):
    """Bring a clip to a fixed number of persons; the first ones are kept where there are more.

    The published sets of NTU RGB+D 120 give a single actor twice (``'duplicate'``), those of
    NTU RGB+D 60, and MMAction2, leave the other places at zero. What counts is how many persons
    the clip is stored with: one who is stored but all zero, in the clip or in the stretch that was
    cut out of it, stays zero, as in the published sets.

    Where it stands in a pipeline changes nothing but the time that the other steps take; last is
    fastest.

    Required Keys:

    - keypoint
    - keypoint_score (optional)

    Modified Keys:

    - keypoint
    - keypoint_score (optional)

    Args:
        num_person (int): Number of persons of the result. Defaults to 2.
        mode (str): ``'zero'`` fills with zeros; ``'duplicate'`` puts a single person into every
            place, and fills with zeros behind two or more. Defaults to ``'zero'``.

    Raises:
        ValueError: If ``num_person`` is below 1 or the mode is unknown.
    """

    def __init__(self, num_person: int = 2, mode: str = 'zero') -> None:
        if num_person < 1:
            raise ValueError(f'num_person={num_person}, expected 1 or more')
        check_choice('mode', mode, MODES)
        self.num_person = num_person
        self.mode = mode

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C) by (num_person, T, V, C)."""
        for key in ('keypoint', 'keypoint_score'):
            if key in results:
                results[key] = self._pad(results[key])
        return results

    def _pad(self, array: np.ndarray) -> np.ndarray:
        persons = len(array)
        if persons >= self.num_person:
            return array[:self.num_person]
        if persons == 1 and self.mode == 'duplicate':
            return np.repeat(array, self.num_person, axis=0)
        padded = np.zeros((self.num_person, *array.shape[1:]), dtype=array.dtype)
        padded[:persons] = array
        return padded

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_person={self.num_person}, mode={self.mode!r})'
