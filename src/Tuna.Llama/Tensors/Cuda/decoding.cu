// One new token of each sample: rotation and cache, attention to the cache, the draw. Compiled with -DHEAD=E, the head's width, and
// -DFOLD=G, query heads a key head.
// The cache of a layer: [S, room, K, E]; the new token of sample s goes to place places[s].

// Rotates q in place, and puts the rotated k and v into the cache. qkv: [S, (H + 2K) E]; angles: cosines and sines of all places,
// [room, E / 2]. A block per sample and head.
extern "C" __global__ void append(T* qkv, T* keys, T* values, const int* places, const float* cosines, const float* sines, int heads,
    int kv, int room)
{
    const int half = HEAD / 2;
    int s = blockIdx.x, head = blockIdx.y, all = heads + 2 * kv;
    long long place = places[s];
    T* x = qkv + ((long long)s * all + head) * HEAD;
    T* to = x;
    if (head >= heads) {
        int h = (head - heads) % kv;
        to = (head >= heads + kv ? values : keys) + (((long long)s * room + place) * kv + h) * HEAD;
    }
    if (head >= heads + kv) {
        for (int i = threadIdx.x; i < HEAD; i += blockDim.x)
            to[i] = x[i];
        return;
    }
    for (int i = threadIdx.x; i < half; i += blockDim.x) {
        float a = wide(x[i]), b = wide(x[i + half]), c = cosines[place * half + i], n = sines[place * half + i];
        to[i] = narrow(a * c - b * n);
        to[i + half] = narrow(b * c + a * n);
    }
}

// Attention of a sample's G query heads that share a key head, to the cache. A block of 8 warps per sample and key head; a warp takes 32
// keys at a time, a lane one of them for the scores and E / 32 columns of all of them for the values; the warps' results are merged by
// log-sum-exp at the end.
#define WARPS 8
#define COLUMNS ((HEAD + 31) / 32)
extern "C" __global__ void decode_attention(const T* qkv, const T* keys, const T* values, T* out, const int* places, int heads, int kv,
    int room, float scale)
{
    __shared__ float q[FOLD][HEAD];
    __shared__ float mixed[WARPS][HEAD];
    __shared__ float peaks[WARPS][FOLD], weights[WARPS][FOLD];
    int s = blockIdx.x, h = blockIdx.y, warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
    int length = places[s] + 1;
    for (int i = threadIdx.x; i < FOLD * HEAD; i += blockDim.x)
        q[i / HEAD][i % HEAD] = wide(qkv[((long long)s * (heads + 2 * kv) + h * FOLD + i / HEAD) * HEAD + i % HEAD]) * scale;
    __syncthreads();
    const T* k = keys + ((long long)s * room * kv + h) * HEAD;
    const T* v = values + ((long long)s * room * kv + h) * HEAD;
    float acc[FOLD][COLUMNS], peak[FOLD], weight[FOLD];
    for (int g = 0; g < FOLD; g++) {
        peak[g] = -INFINITY;
        weight[g] = 0;
        for (int c = 0; c < COLUMNS; c++)
            acc[g][c] = 0;
    }
    for (int first = warp * 32; first < length; first += WARPS * 32) {
        int count = min(32, length - first);
        float score[FOLD];
        for (int g = 0; g < FOLD; g++)
            score[g] = 0;
        if (lane < count) {
            const T* key = k + (long long)(first + lane) * kv * HEAD;
#if HEAD % 8 == 0
            for (int i = 0; i < HEAD; i += 8) {
                Pack<T, 8> p = *(const Pack<T, 8>*)(key + i);
                for (int g = 0; g < FOLD; g++)
                    for (int j = 0; j < 8; j++)
                        score[g] += q[g][i + j] * wide(p.at[j]);
            }
#else
            for (int i = 0; i < HEAD; i++)
                for (int g = 0; g < FOLD; g++)
                    score[g] += q[g][i] * wide(key[i]);
#endif
        }
        for (int g = 0; g < FOLD; g++) {
            float largest = fmaxf(peak[g], warp_max(lane < count ? score[g] : -INFINITY));
            score[g] = lane < count ? __expf(score[g] - largest) : 0.0f;
            float before = __expf(peak[g] - largest);
            weight[g] = weight[g] * before + warp_sum(score[g]);
            for (int c = 0; c < COLUMNS; c++)
                acc[g][c] *= before;
            peak[g] = largest;
        }
        for (int i = 0; i < count; i++) {
            const T* value = v + (long long)(first + i) * kv * HEAD;
            float own[COLUMNS];
            for (int c = 0; c < COLUMNS; c++)
                own[c] = lane + 32 * c < HEAD ? wide(value[lane + 32 * c]) : 0.0f;
            for (int g = 0; g < FOLD; g++) {
                float share = __shfl_sync(0xffffffffu, score[g], i);
                for (int c = 0; c < COLUMNS; c++)
                    acc[g][c] += share * own[c];
            }
        }
    }
    if (lane == 0)
        for (int g = 0; g < FOLD; g++) {
            peaks[warp][g] = peak[g];
            weights[warp][g] = weight[g];
        }
    __syncthreads();
    for (int g = 0; g < FOLD; g++) {
        float largest = peaks[0][g], total = 0;
        for (int w = 1; w < WARPS; w++)
            largest = fmaxf(largest, peaks[w][g]);
        for (int w = 0; w < WARPS; w++)
            total += weights[w][g] * __expf(peaks[w][g] - largest);
        float factor = __expf(peak[g] - largest) / total; // 0 for a warp that saw no key
        for (int c = 0; c < COLUMNS; c++)
            if (lane + 32 * c < HEAD)
                mixed[warp][lane + 32 * c] = acc[g][c] * factor;
        __syncthreads();
        for (int i = threadIdx.x; i < HEAD; i += blockDim.x) {
            float sum = 0;
            for (int w = 0; w < WARPS; w++)
                sum += mixed[w][i];
            out[((long long)s * heads + h * FOLD + g) * HEAD + i] = narrow(sum);
        }
        __syncthreads();
    }
}

__device__ __forceinline__ u32 mix(u32 x)
{
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return x ^ (x >> 16);
}

// Draws each sample's next token as GumbelNoise does: the largest (logit - max) / T - log(E), or the largest logit where 1 / T is 0; E from
// a hash of (key, token).
// logits: row rows[s] of [*, V]; keys: the noise's 64 bits; inverse: 1 / T; least, last: what is cut off (below the logit, or at it with a
// larger id), or null.
// tokens: receives the token, [S]; logs: receives its log-probability at T = 1; not finite where the logits are not. One block a sample.
extern "C" __global__ void draw(const T* logits, const int* rows, const u64* keys, const double* inverse, const float* least,
    const int* last, long long* tokens, double* logs, int v)
{
    __shared__ double best_score[32];
    __shared__ int best_token[32];
    int s = blockIdx.x, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const T* z = logits + (size_t)rows[s] * v;
    u32 first = (u32)keys[s], second = (u32)(keys[s] >> 32);
    double cold = inverse[s];
    float bound = least ? least[s] : -INFINITY;
    int bound_id = last ? last[s] : 0x7fffffff;
    float largest = -INFINITY;
    bool broken = false;
    for (int i = threadIdx.x; i < v; i += blockDim.x) {
        float x = wide(z[i]);
        broken |= isnan(x);
        largest = fmaxf(largest, x);
    }
    largest = block_max(largest);
    float sum = 0;
    double score = -INFINITY;
    int token = 0x7fffffff;
    for (int i = threadIdx.x; i < v; i += blockDim.x) {
        float x = wide(z[i]);
        sum += expf(x - largest);
        if (x < bound || (x == bound && i > bound_id))
            continue;
        double own;
        if (cold == 0) {
            own = x;
        } else {
            u32 bits = mix(mix((u32)i + first) ^ second);
            own = ((double)x - (double)largest) * cold - log(-log(1.0 - ((double)bits + 0.5) * (1.0 / 4294967296.0)));
        }
        if (own > score) {
            score = own;
            token = i;
        }
    }
    float total = block_sum(broken ? NAN : sum);
    for (int step = 16; step > 0; step >>= 1) {
        double other = __shfl_xor_sync(0xffffffffu, score, step);
        int id = __shfl_xor_sync(0xffffffffu, token, step);
        if (other > score || (other == score && id < token)) {
            score = other;
            token = id;
        }
    }
    if (lane == 0) {
        best_score[warp] = score;
        best_token[warp] = token;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < (int)(blockDim.x >> 5); w++)
            if (best_score[w] > score || (best_score[w] == score && best_token[w] < token)) {
                score = best_score[w];
                token = best_token[w];
            }
        if (token >= v)
            token = 0;
        tokens[s] = token;
        logs[s] = (double)wide(z[token]) - (double)largest - log((double)total);
    }
}
