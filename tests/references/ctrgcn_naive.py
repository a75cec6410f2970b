"""CTR-GCN written down from the paper (arXiv 2107.12213) term by term, for comparison only."""

import torch


def naive_ctrgcn(state, x, down_stages, data_bn_type='MVC', tcn_relu=False, training=False):
    """Run the network whose weights are in ``state`` on skeletons x (N, M, T, V, C)."""
    n, m, t, v, c = x.shape
    if data_bn_type == 'MVC':
        x = torch.stack([x[:, i, :, j, k] for i in range(m) for j in range(v) for k in range(c)], 1)
    else:
        x = torch.stack([x[..., j, k].flatten(0, 1) for j in range(v) for k in range(c)], 1)
    x = batch_norm(sub(state, 'data_bn'), x, training)
    x = x.reshape(n * m, v, c, t).permute(0, 2, 3, 1)
    blocks = {int(key.split('.')[1]) for key in state if key.startswith('net.')}
    for i in sorted(blocks):
        stride = 2 if i > 0 and i + 1 in down_stages else 1
        weights = sub(state, f'net.{i}')
        y = graph_conv(sub(weights, 'gcn1'), x, training)
        y = temporal(sub(weights, 'tcn1'), y, stride, tcn_relu, training)
        if 'residual.conv.weight' in weights:
            y = y + temporal_conv(sub(weights, 'residual'), x, stride, 1, training)
        elif i > 0:
            y = y + x
        x = positive(y)
    return x.reshape(n, m, *x.shape[1:])


def graph_conv(weights, x, training):
    """z_u = sum over subsets and joints v of (PA + alpha Q)[u, v] times the transformed x_v."""
    total = 0
    for k, shared in enumerate(weights['PA']):
        conv = sub(weights, f'convs.{k}')
        phi = pointwise(sub(conv, 'conv1'), x).mean(2)
        psi = pointwise(sub(conv, 'conv2'), x).mean(2)
        relation = torch.tanh(phi[:, :, :, None] - psi[:, :, None, :])
        topology = shared + weights['alpha'] * pointwise(sub(conv, 'conv4'), relation)
        features = pointwise(sub(conv, 'conv3'), x)
        total = total + torch.stack(
            [(topology[:, :, None, u] * features).sum(-1) for u in range(len(shared))], -1)
    residual = x
    if 'down.0.weight' in weights:
        residual = pointwise(sub(weights, 'down.0'), x)
        residual = batch_norm(sub(weights, 'down.1'), residual, training)
    return positive(batch_norm(sub(weights, 'bn'), total, training) + residual)


def temporal(weights, x, stride, relu, training):
    """Branches 0 and 1 of dilation 1 and 2, 2 max-pooling, 3 pointwise; concatenated."""
    outputs = []
    for i in range(3):
        branch = sub(weights, f'branches.{i}')
        y = pointwise(sub(branch, '0'), x)
        y = positive(batch_norm(sub(branch, '1'), y, training))
        if i < 2:
            y = temporal_conv(sub(branch, '3'), y, stride, i + 1, training)
        else:
            frames = range(0, y.shape[2], stride)
            y = torch.stack([y[:, :, max(t - 1, 0):t + 2].amax(2) for t in frames], 2)
            y = batch_norm(sub(branch, '4'), y, training)
        outputs.append(y)
    branch = sub(weights, 'branches.3')
    y = pointwise(sub(branch, '0'), x[:, :, ::stride])
    outputs.append(batch_norm(sub(branch, '1'), y, training))
    y = torch.cat(outputs, 1)
    return positive(y) if relu else y


def temporal_conv(weights, x, stride, dilation, training):
    """Zero-padded convolution over frames, tap by tap, then batch norm."""
    kernel, taps = weights['conv.weight'], weights['conv.weight'].shape[2]
    outputs = []
    for t in range(0, x.shape[2], stride):
        y = weights['conv.bias'][None, :, None]
        for k in range(taps):
            frame = t + dilation * (k - taps // 2)
            if 0 <= frame < x.shape[2]:
                y = y + torch.einsum('oc,ncv->nov', kernel[:, :, k, 0], x[:, :, frame])
        outputs.append(y)
    return batch_norm(sub(weights, 'bn'), torch.stack(outputs, 2), training)


def pointwise(weights, x):
    y = torch.einsum('oc,nc...->no...', weights['weight'][:, :, 0, 0], x)
    return y + along_channels(weights['bias'], x)


def batch_norm(weights, x, training):
    mean, var = weights['running_mean'], weights['running_var']
    if training:
        values = x.transpose(0, 1).flatten(1)
        mean = values.mean(1)
        var = ((values - mean[:, None])**2).mean(1)
    scale = weights['weight'] / torch.sqrt(var + 1e-5)
    return (x - along_channels(mean, x)) * along_channels(scale, x) \
        + along_channels(weights['bias'], x)


def along_channels(vector, x):
    return vector.reshape(1, -1, *[1] * (x.dim() - 2))


def positive(x):
    return x * (x > 0)


def sub(state, prefix):
    return {key[len(prefix) + 1:]: value for key, value in state.items()
            if key.startswith(prefix + '.')}
