// The kernels that JavaScript calls. Pointers are byte offsets into the imported memory, sizes and strides
// count elements; every kernel writes only the range that its arguments name and keeps no state.

export {
  fill_32,
  fill_64,
  fill_i32
} from "./fill"
export { repeatRow_32, repeatRow_64 } from "./repeatRow"
export {
  unary_abs_f32,
  unary_abs_f64,
  unary_abs_i32,
  unary_cos_f32,
  unary_cos_f64,
  unary_exp_f32,
  unary_exp_f64,
  unary_floor_f32,
  unary_floor_f64,
  unary_gelu_f32,
  unary_gelu_f64,
  unary_log_f32,
  unary_log_f64,
  unary_negate_f32,
  unary_negate_f64,
  unary_negate_i32,
  unary_reciprocal_f32,
  unary_reciprocal_f64,
  unary_relu_f32,
  unary_relu_f64,
  unary_sigmoid_f32,
  unary_sigmoid_f64,
  unary_sign_f32,
  unary_sign_f64,
  unary_sign_i32,
  unary_sin_f32,
  unary_sin_f64,
  unary_sqrt_f32,
  unary_sqrt_f64,
  unary_square_f32,
  unary_square_f64,
  unary_square_i32,
  unary_tanh_f32,
  unary_tanh_f64
} from "./elementwise"
export {
  binary_add_f32,
  binary_add_f64,
  binary_add_i32,
  binary_divide_f32,
  binary_divide_f64,
  binary_geluGradient_f32,
  binary_geluGradient_f64,
  binary_maximum_f32,
  binary_maximum_f64,
  binary_maximum_i32,
  binary_minimum_f32,
  binary_minimum_f64,
  binary_minimum_i32,
  binary_multiply_f32,
  binary_multiply_f64,
  binary_multiply_i32,
  binary_power_f32,
  binary_power_f64,
  binary_subtract_f32,
  binary_subtract_f64,
  binary_subtract_i32
} from "./binary"
export {
  compare_equal_f32,
  compare_equal_f64,
  compare_equal_i32,
  compare_lessEqual_f32,
  compare_lessEqual_f64,
  compare_lessEqual_i32,
  compare_less_f32,
  compare_less_f64,
  compare_less_i32,
  select_32,
  select_64
} from "./compare"
export {
  cast_f32_f64,
  cast_f32_i32,
  cast_f64_f32,
  cast_f64_i32,
  cast_i32_f32,
  cast_i32_f64,
  decode_bf16_f32,
  decode_f16_f32,
  encode_f32_f16
} from "./cast"
export {
  reduce_max_f32,
  reduce_max_f64,
  reduce_max_i32,
  reduce_min_f32,
  reduce_min_f64,
  reduce_min_i32,
  reduce_sumOfSquares_f32,
  reduce_sumOfSquares_f64,
  reduce_sum_f32,
  reduce_sum_f64,
  reduce_sum_i32
} from "./reduce"
export {
  argmax_f32,
  argmax_f64
} from "./argmax"
export {
  copy_32,
  copy_64
} from "./copy"
export {
  gather_32,
  gather_64,
  segmentSum_f32,
  segmentSum_f64,
  segmentSum_i32
} from "./gather"
export {
  causalSoftmaxGradient_f32,
  causalSoftmaxGradient_f64,
  causalSoftmax_f32,
  causalSoftmax_f64,
  softmaxGradient_f32,
  softmaxGradient_f64,
  softmax_f32,
  softmax_f64
} from "./softmax"
export {
  layerNormGradientInput_f32,
  layerNormGradientInput_f64,
  layerNormGradientParameters_f32,
  layerNormGradientParameters_f64,
  layerNorm_f32,
  layerNorm_f64
} from "./layerNorm"
export {
  crossEntropyGradient_f32,
  crossEntropyGradient_f64,
  crossEntropy_f32,
  crossEntropy_f64
} from "./crossEntropy"
export {
  divergenceGradient_f32,
  divergenceGradient_f64,
  divergence_f32,
  divergence_f64
} from "./divergence"
export {
  dropout_f32,
  dropout_f64
} from "./dropout"
export {
  adamW_f32,
  adamW_f64
} from "./adamW"
export {
  gemmWorkspace_f32,
  gemmWorkspace_f64,
  gemm_f32,
  gemm_f64
} from "./gemm"
