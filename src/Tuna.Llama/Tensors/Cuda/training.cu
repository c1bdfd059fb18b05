// The chunked log-probability and the optimizer.

// log sum exp of each row of logits, [U, V], and the log-probabilities of its pairs: those from starts[row] to starts[row + 1]. One block a
// row.
extern "C" __global__ void log_probs(const T* logits, const int* starts, const int* tokens, float* sums, float* values, int v)
{
    const T* z = logits + (size_t)blockIdx.x * v;
    float largest = -INFINITY;
    for (int i = threadIdx.x; i < v; i += blockDim.x)
        largest = fmaxf(largest, wide(z[i]));
    largest = block_max(largest);
    float sum = 0;
    for (int i = threadIdx.x; i < v; i += blockDim.x)
        sum += __expf(wide(z[i]) - largest);
    float log_sum = largest + logf(block_sum(sum));
    if (threadIdx.x == 0)
        sums[blockIdx.x] = log_sum;
    for (int e = starts[blockIdx.x] + threadIdx.x; e < starts[blockIdx.x + 1]; e += blockDim.x)
        values[e] = wide(z[tokens[e]]) - log_sum;
}

// dz = sum over the row's pairs of g (onehot - softmax), in place of the logits; a row's pairs have tokens of their own. scratch: [pairs].
extern "C" __global__ void log_probs_backward(T* logits, const int* starts, const int* tokens, const float* sums, const float* gradients,
    const float* totals, float* scratch, int v)
{
    T* z = logits + (size_t)blockIdx.x * v;
    float total = totals[blockIdx.x], log_sum = sums[blockIdx.x];
    int first = starts[blockIdx.x], last = starts[blockIdx.x + 1];
    for (int e = first + threadIdx.x; e < last; e += blockDim.x)
        scratch[e] = gradients[e] - total * __expf(wide(z[tokens[e]]) - log_sum);
    __syncthreads();
    for (int i = threadIdx.x; i < v; i += blockDim.x)
        z[i] = narrow(-total * __expf(wide(z[i]) - log_sum));
    __syncthreads();
    for (int e = first + threadIdx.x; e < last; e += blockDim.x)
        z[tokens[e]] = narrow(scratch[e]);
}

struct AdamW { float beta1, beta2, epsilon, decay, rate, correction, scale; };

__device__ __forceinline__ float moved(float w, float g, float* m, float* v, const AdamW& s)
{
    g *= s.scale;
    float a = s.beta1 * *m + (1 - s.beta1) * g, b = s.beta2 * *v + (1 - s.beta2) * g * g;
    *m = a;
    *v = b;
    return w * s.decay - s.rate * a / (sqrtf(b) * s.correction + s.epsilon);
}

// A weight of 32 bits in two halves: the upper, rounded up from the middle on, is the bf16 that computes; the lower is kept beside it.
__device__ __forceinline__ float join(u16 upper, u16 lower) { return __uint_as_float((((u32)upper - (lower >> 15)) << 16) | lower); }
__device__ __forceinline__ void split(float w, u16* upper, u16* lower)
{
    u32 bits = __float_as_uint(w);
    *lower = (u16)bits;
    *upper = (u16)((bits + 0x8000u) >> 16);
}

__device__ __forceinline__ void step_weight(u16* upper, u16* lower, float g, float* m, float* v, const AdamW& s)
{
    split(moved(join(*upper, *lower), g, m, v, s), upper, lower);
}
__device__ __forceinline__ void step_weight(float* w, u16*, float g, float* m, float* v, const AdamW& s) { *w = moved(*w, g, m, v, s); }

template <typename G> __device__ void adamw_split(u16* upper, u16* lower, const G* g, float* m, float* v, long long n, const AdamW& s)
{
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        step_weight(upper + i, lower + i, g ? wide(g[i]) : 0.0f, m + i, v + i, s);
}

template <typename G> __device__ void adamw_plain(float* w, const G* g, float* m, float* v, long long n, const AdamW& s)
{
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        step_weight(w + i, (u16*)0, g ? wide(g[i]) : 0.0f, m + i, v + i, s);
}

#define SETTINGS float beta1, float beta2, float epsilon, float decay, float rate, float correction, float scale
#define GIVEN AdamW { beta1, beta2, epsilon, decay, rate, correction, scale }
extern "C" __global__ void adamw_split_bf16(u16* upper, u16* lower, const u16* g, float* m, float* v, long long n, SETTINGS)
    { adamw_split(upper, lower, g, m, v, n, GIVEN); }
extern "C" __global__ void adamw_split_float(u16* upper, u16* lower, const float* g, float* m, float* v, long long n, SETTINGS)
    { adamw_split(upper, lower, g, m, v, n, GIVEN); }
extern "C" __global__ void adamw_plain_float(float* w, const float* g, float* m, float* v, long long n, SETTINGS)
    { adamw_plain(w, g, m, v, n, GIVEN); }

extern "C" __global__ void split_weights(const float* w, u16* upper, u16* lower, long long n)
{
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        split(w[i], upper + i, lower + i);
}
extern "C" __global__ void join_weights(const u16* upper, const u16* lower, float* w, long long n)
{
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        w[i] = join(upper[i], lower[i]);
}

// Sum of squares of a block's share, in double precision: one number a block.
template <typename G> __device__ void squares(const G* g, double* out, long long n)
{
    __shared__ double parts[32];
    double sum = 0;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        sum += (double)wide(g[i]) * wide(g[i]);
    for (int step = 16; step > 0; step >>= 1)
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if ((threadIdx.x & 31) == 0)
        parts[threadIdx.x >> 5] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < (int)(blockDim.x >> 5); w++)
            sum += parts[w];
        out[blockIdx.x] = sum;
    }
}
extern "C" __global__ void squares_bf16(const u16* g, double* out, long long n) { squares(g, out, n); }
extern "C" __global__ void squares_float(const float* g, double* out, long long n) { squares(g, out, n); }
