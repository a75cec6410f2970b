from mmengine.runner import Runner
from torch import nn
from torch.optim import Optimizer


def split_guest_group(optimizer: Optimizer, guest: nn.Module, lr_mult: float) -> None:
    """Give the guest's parameters their own learning rate, without one group per parameter.

    Args:
        optimizer (Optimizer): Holds host and guest; its groups are split in place.
        guest (nn.Module): The neck.
        lr_mult (float): Guest's learning rate over the host's.
    """
    ours = {id(p) for p in guest.parameters()}
    for group in list(optimizer.param_groups):
        params = [p for p in group['params'] if id(p) in ours]
        if params:
            group['params'] = [p for p in group['params'] if id(p) not in ours]
            optimizer.add_param_group(
                {**group, 'params': params, 'lr': group['lr'] * lr_mult})
    optimizer.param_groups[:] = [group for group in optimizer.param_groups if group['params']]


def rebuild_with_guest_group(runner: Runner, guest: nn.Module, lr_mult: float) -> None:
    """Build optimizer and schedulers of a runner anew, the guest in a group of its own.

    Schedulers read each group's learning rate when they are built, so a group can't be added
    to the ones that the runner has made.
    """
    runner.optim_wrapper = runner.build_optim_wrapper(runner.cfg.optim_wrapper)
    runner.param_schedulers = runner.cfg.get('param_scheduler')
    runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
    split_guest_group(runner.optim_wrapper.optimizer, guest, lr_mult)
    if runner.param_schedulers is not None:
        runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
