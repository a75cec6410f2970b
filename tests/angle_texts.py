"""Texts that mean an angle: cosines of their embeddings are known in closed form."""

import dataclasses
import re

import torch
import torch.nn.functional as F

from cocodiff_mm.text.bank import TextBank
from cocodiff_mm.text.class_text import ClassText
from cocodiff_mm.text.corpus import Corpus, Provenance
from cocodiff_mm.text.review import embed


def angle_bank(**classes) -> TextBank:
    """Bank of classes, each the angles in degrees of its descriptions and of its names."""
    (fine, fine_count), (coarse, coarse_count) = (
        _rows([angles[kind] for angles in classes.values()]) for kind in (0, 1))
    return TextBank(list(classes), fine, fine_count, coarse, coarse_count)


def random_bank(classes=12, width=6, seed=0) -> TextBank:
    """Bank with 1 to 4 descriptions and 1 to 5 names of each class."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.randn(classes, 1, width, generator=generator)
    parts = []
    for most in (4, 5):
        rows = F.normalize(centre + torch.randn(classes, most, width, generator=generator), dim=-1)
        count = torch.randint(1, most + 1, (classes,), generator=generator)
        count[0] = most
        parts += [rows * (torch.arange(most) < count[:, None])[..., None], count]
    return TextBank([f'class {i}' for i in range(classes)], *parts)


def angle_class(name, descriptions, synonyms, angle=None) -> ClassText:
    """Texts of a class; the first number of a text is its angle."""
    angle = synonyms[0] if angle is None else angle
    return ClassText(
        f'{name} at {angle}',
        tuple(f'{way} degrees by {name}, way {i}' for i, way in enumerate(synonyms)),
        tuple(f'At {way} degrees the arm of {name} is held, form {i}.'
              for i, way in enumerate(descriptions)))


def angle_corpus(*classes) -> Corpus:
    return Corpus('angles', 'en', Provenance('a person', '2026-01-01', 'CC0-1.0', {}), classes)


def read_angles(texts) -> torch.Tensor:
    """Encoder: the first number of each text, as a direction."""
    return _unit([int(re.search(r'\d+', text)[0]) for text in texts])


def bank_of(corpus) -> TextBank:
    metadata = {'label_set': corpus.label_set, 'encoder': 'angles', 'corpus_sha256': corpus.sha256}
    return dataclasses.replace(embed(corpus.classes, read_angles), metadata=metadata)


def _unit(degrees) -> torch.Tensor:
    radians = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([radians.cos(), radians.sin()], dim=-1)


def _rows(groups):
    rows = torch.zeros(len(groups), max(map(len, groups)), 2)
    for row, group in zip(rows, groups, strict=True):
        row[:len(group)] = _unit(group)
    return rows, torch.tensor([len(group) for group in groups])
