_base_ = 'ctrgcn.py'
