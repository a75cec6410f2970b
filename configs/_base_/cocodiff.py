# The guest: add to any GCN recipe. Knows no backbone and no dataset; every decision that the
# paper leaves open is a field here (docstrings of LatentDiffusionNeck and TwoStageRunner).
custom_imports = dict(imports=['cocodiff_mm'], allow_failed_imports=False)

cocodiff_neck = dict(
    type='LatentDiffusionNeck',
    in_channels=256,
    text_bank='ntu120',
    num_timesteps=30,
    schedule='linear',
    denoiser=dict(type='LinearUNet'),
    sampler='ddpm',
    fine='random',
    coarse='random',
    loss_text=dict(type='TextGuidanceLoss', temperature=0.07, loss_weight=0.1),
    generated_grad='straight_through')

cocodiff_hooks = [dict(type='TwoStageRunner', strategy='train_first')]
