_base_ = 'ctrgcn_cocodiff.py'
