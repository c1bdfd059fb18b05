// AdamW with moments of a byte each: Tensors/BlockCodes.cs has the levels and the reference. A warp takes a block of 256.
typedef unsigned char u8;

// The level for x in [-1, 1]: the upper neighbour as often as x is near it.
__device__ __forceinline__ int level_of(const float* levels, float x, float noise)
{
    int upper = 0; // the first level that is not below x
    for (int step = 128; step > 0; step >>= 1)
        if (levels[upper + step - 1] < x)
            upper += step;
    int lower = upper > 0 ? upper - 1 : 0;
    float width = levels[upper] - levels[lower];
    return (x - levels[lower]) / (width > 0 ? width : 1.0f) > noise ? upper : lower;
}

__device__ __forceinline__ u32 noise_of(u32 place, u32 seed)
{
    u32 h = place * 0x45d9f3bu + seed;
    h = (h ^ (h >> 16)) * 0x45d9f3bu;
    h = (h ^ (h >> 16)) * 0x45d9f3bu;
    return h ^ (h >> 16);
}

// levels: 256 signed ones, then 256 without sign, for the ROOT of the second moment. lower is null in single precision, where upper is the
// weights.
template <typename G, typename W> __device__ void adamw_compact(
    W* upper, u16* lower, const G* g, u8* first, float* first_scales, u8* root, float* root_scales, const float* levels, long long n,
        u32 seed, const AdamW& s)
{
    __shared__ float table[512];
    for (int i = threadIdx.x; i < 512; i += blockDim.x)
        table[i] = levels[i];
    __syncthreads();
    int lane = threadIdx.x & 31, warps = blockDim.x >> 5;
    long long blocks = (n + 255) / 256;
    for (long long b = (long long)blockIdx.x * warps + (threadIdx.x >> 5); b < blocks; b += (long long)gridDim.x * warps) {
        float m[8], r[8], first_scale = first_scales[b], root_scale = root_scales[b], first_top = 0, root_top = 0;
        for (int j = 0; j < 8; j++) {
            long long i = b * 256 + j * 32 + lane;
            m[j] = r[j] = 0;
            if (i < n) {
                float v = table[256 + root[i]] * root_scale;
                v *= v;
                m[j] = table[first[i]] * first_scale;
                step_weight(upper + i, lower ? lower + i : 0, g ? wide(g[i]) : 0.0f, m + j, &v, s);
                r[j] = sqrtf(v);
            }
            first_top = fmaxf(first_top, fabsf(m[j]));
            root_top = fmaxf(root_top, r[j]);
        }
        first_top = warp_max(first_top);
        root_top = warp_max(root_top);
        if (lane == 0) {
            first_scales[b] = first_top;
            root_scales[b] = root_top;
        }
        for (int j = 0; j < 8; j++) {
            long long i = b * 256 + j * 32 + lane;
            if (i >= n)
                continue;
            u32 h = noise_of((u32)i, seed);
            first[i] = (u8)level_of(table, first_top > 0 ? m[j] / first_top : 0.0f, (h & 0xffffu) / 65536.0f);
            int code = level_of(table + 256, root_top > 0 ? r[j] / root_top : 0.0f, (h >> 16) / 65536.0f);
            root[i] = (u8)(code == 0 && r[j] > 0 ? 1 : code); // what divides is never rounded to zero
        }
    }
}

#define MOMENTS u8* first, float* first_scales, u8* root, float* root_scales, const float* levels, long long n, u32 seed
#define KEPT first, first_scales, root, root_scales, levels, n, seed
extern "C" __global__ void adamw_compact_split_bf16(u16* upper, u16* lower, const u16* g, MOMENTS, SETTINGS)
    { adamw_compact(upper, lower, g, KEPT, GIVEN); }
extern "C" __global__ void adamw_compact_split_float(u16* upper, u16* lower, const float* g, MOMENTS, SETTINGS)
    { adamw_compact(upper, lower, g, KEPT, GIVEN); }
extern "C" __global__ void adamw_compact_plain_float(float* w, const float* g, MOMENTS, SETTINGS)
    { adamw_compact(w, (u16*)0, g, KEPT, GIVEN); }
