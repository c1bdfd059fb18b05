// RMSNorm, rotary embedding, SwiGLU and what surrounds attention. Shapes: N rows, D width, F inner width, H heads of E elements.

// y = w x / sqrt(mean(x^2) + eps). One block a row.
template <int V> __device__ void rms_norm(const T* x, const T* w, T* y, int d, float eps)
{
    typedef Pack<T, V> P;
    const P* row = (const P*)(x + (size_t)blockIdx.x * d);
    P* out = (P*)(y + (size_t)blockIdx.x * d);
    float sum = 0;
    for (int i = threadIdx.x; i < d / V; i += blockDim.x) {
        P p = row[i];
        for (int j = 0; j < V; j++)
            sum += wide(p.at[j]) * wide(p.at[j]);
    }
    float scale = rsqrtf(block_sum(sum) / d + eps);
    for (int i = threadIdx.x; i < d / V; i += blockDim.x) {
        P p = row[i], g = ((const P*)w)[i];
        for (int j = 0; j < V; j++)
            p.at[j] = narrow(wide(g.at[j]) * wide(narrow(wide(p.at[j]) * scale)));
        out[i] = p;
    }
}
extern "C" __global__ void rms_norm_8(const T* x, const T* w, T* y, int d, float eps) { rms_norm<8>(x, w, y, d, eps); }
extern "C" __global__ void rms_norm_1(const T* x, const T* w, T* y, int d, float eps) { rms_norm<1>(x, w, y, d, eps); }

// dx = base + r w dy - x r^3 sum(w dy x) / D, r = 1 / sqrt(mean(x^2) + eps); a block adds dy x r of its rows up in shared memory, [D], and
// stores it.
template <int V> __device__ void rms_norm_backward(const T* dy, const T* x, const T* w, const T* base, T* dx, float* dw, int rows, int d,
    float eps)
{
    typedef Pack<T, V> P;
    extern __shared__ float sums[];
    for (int i = threadIdx.x; i < d; i += blockDim.x)
        sums[i] = 0;
    __syncthreads();
    for (int r = blockIdx.x; r < rows; r += gridDim.x) {
        const P* xs = (const P*)(x + (size_t)r * d);
        const P* ds = (const P*)(dy + (size_t)r * d);
        const P* bs = (const P*)(base + (size_t)r * d);
        P* out = (P*)(dx + (size_t)r * d);
        float square = 0, dot = 0;
        for (int i = threadIdx.x; i < d / V; i += blockDim.x) {
            P p = xs[i], g = ds[i], k = ((const P*)w)[i];
            for (int j = 0; j < V; j++) {
                float v = wide(p.at[j]);
                square += v * v;
                dot += wide(g.at[j]) * wide(k.at[j]) * v;
            }
        }
        float scale = rsqrtf(block_sum(square) / d + eps);
        float shift = block_sum(dot) * scale * scale * scale / d;
        for (int i = threadIdx.x; i < d / V; i += blockDim.x) {
            P p = xs[i], g = ds[i], k = ((const P*)w)[i], b = base ? bs[i] : P();
            for (int j = 0; j < V; j++) {
                float v = wide(p.at[j]), up = wide(g.at[j]);
                sums[i * V + j] += up * v * scale;
                float result = scale * wide(k.at[j]) * up - v * shift;
                p.at[j] = narrow(base ? wide(b.at[j]) + result : result);
            }
            out[i] = p;
        }
    }
    __syncthreads();
    if (dw)
        for (int i = threadIdx.x; i < d; i += blockDim.x)
            dw[(size_t)blockIdx.x * d + i] = sums[i];
}
extern "C" __global__ void rms_norm_backward_8(const T* dy, const T* x, const T* w, const T* base, T* dx, float* dw, int rows, int d,
    float eps)
    { rms_norm_backward<8>(dy, x, w, base, dx, dw, rows, d, eps); }
extern "C" __global__ void rms_norm_backward_1(const T* dy, const T* x, const T* w, const T* base, T* dx, float* dw, int rows, int d,
    float eps)
    { rms_norm_backward<1>(dy, x, w, base, dx, dw, rows, d, eps); }

// Rotate-half in place on the first heads of every row: (a, b) becomes (a c - b s, b c + a s); sign -1 undoes it. A thread takes V places
// of one head.
template <int V> __device__ void rotate(T* x, const float* cosines, const float* sines, int rows, int stride, int heads, int half,
    float sign)
{
    typedef Pack<T, V> P;
    long long chunks = half / V, index = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= rows * heads * chunks)
        return;
    int chunk = (int)(index % chunks), head = (int)(index / chunks % heads);
    long long row = index / chunks / heads;
    T* at = x + row * stride + (long long)head * 2 * half + chunk * V;
    const float *c = cosines + row * half + chunk * V, *s = sines + row * half + chunk * V;
    P a = *(P*)at, b = *(P*)(at + half);
    for (int j = 0; j < V; j++) {
        float p = wide(a.at[j]), q = wide(b.at[j]), sine = sign * s[j];
        a.at[j] = narrow(p * c[j] - q * sine);
        b.at[j] = narrow(q * c[j] + p * sine);
    }
    *(P*)at = a;
    *(P*)(at + half) = b;
}
extern "C" __global__ void rotate_8(T* x, const float* c, const float* s, int rows, int stride, int heads, int half, float sign)
    { rotate<8>(x, c, s, rows, stride, heads, half, sign); }
extern "C" __global__ void rotate_1(T* x, const float* c, const float* s, int rows, int stride, int heads, int half, float sign)
    { rotate<1>(x, c, s, rows, stride, heads, half, sign); }

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + __expf(-x)); }

// silu(gate) up; gate and up are the halves of a row, [N, 2F].
template <int V> __device__ void gate(const T* gu, T* out, long long rows, int f)
{
    typedef Pack<T, V> P;
    long long chunks = f / V, index = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= rows * chunks)
        return;
    long long row = index / chunks, chunk = index % chunks;
    P g = ((const P*)(gu + row * 2 * f))[chunk], u = ((const P*)(gu + row * 2 * f + f))[chunk];
    for (int j = 0; j < V; j++) {
        float x = wide(g.at[j]);
        g.at[j] = narrow(wide(narrow(x * sigmoid(x))) * wide(u.at[j]));
    }
    ((P*)out)[index] = g;
}
extern "C" __global__ void gate_8(const T* gu, T* out, long long rows, int f) { gate<8>(gu, out, rows, f); }
extern "C" __global__ void gate_1(const T* gu, T* out, long long rows, int f) { gate<1>(gu, out, rows, f); }

// Gradient of gate and up from that of the product, [N, F], and the product once more.
template <int V> __device__ void gate_backward(const T* gu, const T* ds, T* dgu, T* s, long long rows, int f)
{
    typedef Pack<T, V> P;
    long long chunks = f / V, index = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= rows * chunks)
        return;
    long long row = index / chunks, chunk = index % chunks;
    P g = ((const P*)(gu + row * 2 * f))[chunk], u = ((const P*)(gu + row * 2 * f + f))[chunk], d = ((const P*)ds)[index], product;
    for (int j = 0; j < V; j++) {
        float x = wide(g.at[j]), y = wide(u.at[j]), up = wide(d.at[j]), p = sigmoid(x), silu = wide(narrow(x * p));
        product.at[j] = narrow(silu * y);
        u.at[j] = narrow(up * silu);
        g.at[j] = narrow(up * y * p * (1.0f + x * (1.0f - p)));
    }
    ((P*)s)[index] = product;
    ((P*)(dgu + row * 2 * f))[chunk] = g;
    ((P*)(dgu + row * 2 * f + f))[chunk] = u;
}
extern "C" __global__ void gate_backward_8(const T* gu, const T* ds, T* dgu, T* s, long long rows, int f)
    { gate_backward<8>(gu, ds, dgu, s, rows, f); }
extern "C" __global__ void gate_backward_1(const T* gu, const T* ds, T* dgu, T* s, long long rows, int f)
    { gate_backward<1>(gu, ds, dgu, s, rows, f); }

// Attention over two sets of keys from the attention over each: o = sum of o_i exp(l_i - l), l = log(exp l_1 + exp l_2). The first is
// replaced.
// o1: [N, H, E] and l1: [H, N], of which the rows from `start` on; o2: [n, H, E], l2: [H, n]. One block a row and head.
extern "C" __global__ void merge(T* o1, float* l1, const T* o2, const float* l2, int start, int total, int n, int heads, int e)
{
    int row = blockIdx.x, head = blockIdx.y;
    float a = l1[(size_t)head * total + start + row], b = l2[(size_t)head * n + row];
    float largest = fmaxf(a, b), sum = __expf(a - largest) + __expf(b - largest);
    float first = __expf(a - largest) / sum, second = __expf(b - largest) / sum;
    T* x = o1 + ((size_t)(start + row) * heads + head) * e;
    const T* y = o2 + ((size_t)row * heads + head) * e;
    for (int i = threadIdx.x; i < e; i += blockDim.x)
        x[i] = narrow(wide(x[i]) * first + wide(y[i]) * second);
    __syncthreads();
    if (threadIdx.x == 0)
        l1[(size_t)head * total + start + row] = largest + logf(sum);
}

// The gradients of q, k and v side by side, [N, (H + 2K) E], unrotated: those of the causal call, [N, heads, E] each, plus those of the
// other call, whose queries are n rows from `queries` on and whose keys are m rows from `keys` on. A thread takes a pair of places.
extern "C" __global__ void collect(T* out, const T* dq, const T* dk, const T* dv, const T* q2, const T* k2, const T* v2,
    const float* cosines, const float* sines,
    int rows, int heads, int kv, int half, int queries, int n, int keys, int m)
{
    int all = heads + 2 * kv;
    long long index = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (long long)rows * all * half)
        return;
    int i = (int)(index % half), head = (int)(index / half % all);
    long long row = index / half / all;
    const T *first, *second = 0;
    if (head < heads) {
        first = dq + (row * heads + head) * 2 * half;
        if (row >= queries && row < queries + n)
            second = q2 + ((row - queries) * heads + head) * 2 * half;
    } else {
        int h = (head - heads) % kv;
        bool value = head >= heads + kv;
        first = (value ? dv : dk) + (row * kv + h) * 2 * half;
        if (row >= keys && row < keys + m)
            second = (value ? v2 : k2) + ((row - keys) * kv + h) * 2 * half;
    }
    float a = wide(first[i]), b = wide(first[i + half]);
    if (second) {
        a += wide(second[i]);
        b += wide(second[i + half]);
    }
    T* to = out + row * all * 2 * half + (long long)head * 2 * half;
    if (head < heads + kv) {
        float c = cosines[row * half + i], s = sines[row * half + i];
        to[i] = narrow(a * c + b * s);
        to[i + half] = narrow(b * c - a * s);
    } else {
        to[i] = narrow(a);
        to[i + half] = narrow(b);
    }
}
